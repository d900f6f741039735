"""Language models behind one port: `base.Model`, one file an adapter."""

"""Tools behind one port, `base.Tool`: one file a tool, and the toolset that checks, allows and runs each call."""

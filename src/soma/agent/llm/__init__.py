"""Models: the port, the choice of a model, adapters of providers, and the offline and scripted models."""

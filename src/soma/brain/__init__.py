"""The brain: what each agent learns, and what a model is shown. Entered by `client`, `types` and what they raise."""

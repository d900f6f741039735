"""Long texts become memories here: cut by their structure, with the place that an answer can cite."""

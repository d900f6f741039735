"""Long texts as memories: cut by their structure, with the place that an answer can cite."""

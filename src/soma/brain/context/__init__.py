"""What a model is shown for a query: recalled, ranked, packed, planned, and held in mind."""

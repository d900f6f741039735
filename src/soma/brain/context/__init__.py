"""The context of a query: memories ranked, packed into a token budget, planned with, and held in mind."""

"""Serving: what a state makes of candidates: ranked, packed into the budget, planned for. Changes no state."""

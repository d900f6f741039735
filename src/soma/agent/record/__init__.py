"""The record of a turn (pure): its fold, its sources, its citations, its score."""

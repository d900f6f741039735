"""What happens to memories while nobody asks: vectors made anew, projections compared, episodes consolidated."""

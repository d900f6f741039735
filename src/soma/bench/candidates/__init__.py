"""Ask a memory each question of a data set, and measure how well the candidates are ranked."""

"""What it remembers: texts are the truth, the rest are projections. Entered by `memory` and `types`."""

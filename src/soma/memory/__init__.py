"""Memory: remembered texts are the truth, everything else is a projection of them. Entered by `memory` and `types`."""

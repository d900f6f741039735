"""Relations that Soma itself writes between memories; people may use any other name."""

CARRIES = "carries_text_of"  # from a memory to what its text was taken from, and with which it is forgotten
SUMMARISES, RECOMBINES = "summarises", "recombines"  # from what was synthesised to its sources

PROVENANCE = (SUMMARISES, RECOMBINES)  # says where something is from, and makes nothing come to mind
NOT_FOLLOWED = (*PROVENANCE, CARRIES)

# What consolidation links by itself: it may bring a memory in, but nobody vouches for it.
MADE = frozenset((*PROVENANCE, "associated"))

"""Access: who calls, what he may use, and what ends once he may no longer."""

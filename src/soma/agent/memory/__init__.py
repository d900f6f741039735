"""Memory through the brain: remember what finished turns bring, forget it again."""

"""Lists of words, and parts of patterns made of them, in English, German, French and Spanish. Pure."""

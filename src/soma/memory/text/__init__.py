"""Words of a text for the index and for questions: languages, spellings, sentences and moments. Pure."""

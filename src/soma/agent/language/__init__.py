"""Language of messages: sentences, dates, sums, requests and consent in English, German, French and Spanish. Pure."""

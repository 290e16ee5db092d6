"""From files to records: the responses of models under test, and what other tools have kept."""

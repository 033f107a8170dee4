"""Decision procedures, one for each kind of evidence."""

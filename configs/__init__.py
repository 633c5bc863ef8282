"""What a person declares (YAML) and the schema that validates it; imports nothing else of Pawl."""

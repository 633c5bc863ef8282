"""What is measured about one answer: named scorers that a task's YAML lists."""

"""The report that explains one decision: a page for people, as HTML and as markdown."""

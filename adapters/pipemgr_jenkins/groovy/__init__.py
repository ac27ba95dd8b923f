"""Groovy as Jenkinsfiles use it: text becomes a syntax tree with places, values become Groovy text."""

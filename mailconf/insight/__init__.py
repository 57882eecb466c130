"""What a configuration is asked about itself: explanations, tests, comparisons."""

"""What pipelines and builds are: values only, no input or output."""

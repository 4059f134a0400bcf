"""Results that are not plausible: rules on plates, models and answers, each with a threshold of the config."""

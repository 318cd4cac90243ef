"""What is kept between runs: accepted baselines, results and settings files."""

"""memguard beside the plugins and libraries that test suites use: one small project for each."""

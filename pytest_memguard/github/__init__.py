"""The logic of the GitHub Action: each step of `action.yml` is one call into this package."""

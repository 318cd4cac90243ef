"""The GitHub Action's logic: the steps of `action.yml` are one call each into this package."""

"""What scikit-learn estimators tell of themselves: metrics by task, curves, importances, signature."""

"""What a fitted estimator of scikit-learn's kind says: its task, params, metrics, curves, importance, signature.

tasks        what kind of question it answers
params       its params, title and versions
inputs       rows of whatever it takes: columns, positions, JSON records, a fingerprint
predicted    what it answers to rows
metrics      scikit-learn's metrics of the task
curves       ROC, precision-recall, calibration, residuals, the confusion matrix
importance   how much each feature counts
signature    what goes in and comes out
evaluation   all of it for one part of the data
candidates   what a search over params tried

Pure: nothing is stored here, and scikit-learn, numpy and pandas are imported when a function needs them.
"""

"""Whole-run metrics: computed over all answers of a variant when its run ends, such as F1 or corpus BLEU.

base            what a metric is given and what it gives
classification  accuracy, precision, recall, F1, Matthews correlation, the confusion matrix
ranking         ROC AUC
corpus          corpus BLEU, chrF and TER, equal to sacrebleu's
entries         from the entries of a suite to bound metrics
"""

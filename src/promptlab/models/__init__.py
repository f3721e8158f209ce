"""Base models behind one protocol: ask, get an answer or one classed error.

base          the Model protocol
settings      sampling settings by their OpenAI names, checked
resolve       a name such as `local:smollm2-135m` -> a Model
catalogue     what there is, and what state it is in
fake          echo, scripted and failing models, for tests
python        a plain function as a model
openai        OpenAI and every server that speaks its protocol
transformers  local weights, with batching and prefix reuse
packaged      two small real models that come as Python packages
"""

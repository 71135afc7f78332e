"""The steps of a run; knows neither database nor HTTP."""

"""gengfu.toml -> checked objects. Every mistake is reported at once, with its line, its key and what would be right."""

from hub.config.load import load
from hub.config.problems import ConfigErrors, Problem
from hub.config.records import DEMO, Config, Mqtt, NotifierEntry, Web, site_context

__all__ = ["DEMO", "Config", "ConfigErrors", "Mqtt", "NotifierEntry", "Problem", "Web", "load", "site_context"]

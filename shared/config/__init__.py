from shared.config.settings import ConfigurationError, Settings, SmtpSettings, get_config

__all__ = ["ConfigurationError", "Settings", "SmtpSettings", "get_config"]

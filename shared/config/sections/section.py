"""What every section of the settings is."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class Section(BaseSettings):
    """Settings that belong together; the text below a setting says what it means."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, defer_build=True)

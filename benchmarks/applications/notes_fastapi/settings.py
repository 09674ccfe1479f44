"""Settings from the environment."""

from pydantic import SecretStr
from pydantic_settings import BaseSettings


class Settings(BaseSettings):
    notes_key: SecretStr
    database: str = "./data/notes.db"


settings = Settings()

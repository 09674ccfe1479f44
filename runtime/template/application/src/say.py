"""Handles one greeting from the queue."""

from runtime.modules import logger


async def main(greeting):
    logger.info("hello", name=greeting["name"])

"""The two ways to wait for the futures of the extension: blocking, and in asyncio."""


class Blocking:
    """Methods that return results. Ctrl-C, or any other exception while they wait, cancels the request."""

    @staticmethod
    def _finish(future, then=None):
        try:
            result = future.result()
        except BaseException:
            future.cancel()
            raise
        return result if then is None else then(result)


class InAsyncio:
    """The same methods as coroutines of asyncio. Cancelling one cancels the request."""

    @staticmethod
    async def _finish(future, then=None):
        import asyncio

        result = await asyncio.wrap_future(future)
        return result if then is None else then(result)

"""Tells the network that Wyoming is spoken here, so that Home Assistant finds it by itself.

Source: RFC 6762 and 6763; the service type is the one that Home Assistant's integration looks for.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from typing import Any

log = logging.getLogger(__name__)

SERVICE = "_wyoming._tcp.local."
_LABEL_BYTES = 63  # RFC 1035, section 2.3.4


class Announcement:
    """A service in multicast DNS, while it is started. Needs the extra `wyoming`."""

    def __init__(self, host: str, port: int) -> None:
        """`host`: the address that is listened on; one that stands for all is announced as all."""
        self._host = host
        self._port = port
        self._zeroconf: Any = None
        self._registering: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to announce; takes its time, and nobody waits for it."""
        try:
            import zeroconf
        except ImportError:
            log.info(
                "Home Assistant has to be told of this server's port: "
                "pip install 'vibevoice-pro[wyoming]' announces it"
            )
            return
        self._registering = asyncio.create_task(self._register(zeroconf))

    async def stop(self) -> None:
        """Say goodbye."""
        if self._registering is not None:
            self._registering.cancel()
            await asyncio.gather(self._registering, return_exceptions=True)
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()

    async def _register(self, zeroconf: Any) -> None:
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

        everywhere = ipaddress.ip_address(self._host).is_unspecified
        interfaces = zeroconf.InterfaceChoice.All if everywhere else [self._host]
        name = f"VibeVoice Pro {socket.gethostname().partition('.')[0]}"
        label = name.encode()[:_LABEL_BYTES].decode(errors="ignore")
        try:
            addresses = _addresses() if everywhere else [self._host]
            self._zeroconf = AsyncZeroconf(interfaces=interfaces)
            service = AsyncServiceInfo(
                SERVICE, f"{label}.{SERVICE}", port=self._port, parsed_addresses=addresses
            )
            # Two servers of one machine have the same name; the second one gets a number.
            announced = await self._zeroconf.async_register_service(service, allow_name_change=True)
            await announced
        except (OSError, zeroconf.Error) as error:
            log.warning("Home Assistant will not find this server by itself: %s", error)


def _addresses() -> list[str]:
    """The addresses of this machine that others can reach."""
    import ifaddr  # comes with zeroconf

    found = [ip.ip for each in ifaddr.get_adapters() for ip in each.ips if isinstance(ip.ip, str)]
    return [ip for ip in found if not ipaddress.ip_address(ip).is_loopback] or found

//! Suite of hosts on smol.

#[path = "runtimes/smol.rs"]
mod runtime;

use runtime::Smol;

labwire_tests::host_on!(SmolHost, Smol, smol::block_on);

labwire_tests::host_suite!(SmolHost);
labwire_tests::obe_suite!(SmolHost);
labwire_tests::zeiss_suite!(SmolHost);
labwire_tests::tls_suite!(SmolHost);

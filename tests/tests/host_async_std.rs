//! Suite of hosts on async-std.

use async_std::task::block_on;
use labwire_async_std::AsyncStd;

labwire_tests::host_on!(AsyncStdHost, AsyncStd, block_on);

labwire_tests::host_suite!(AsyncStdHost);
labwire_tests::obe_suite!(AsyncStdHost);
labwire_tests::zeiss_suite!(AsyncStdHost);

//! Suite of device connections on async-std.

use async_std::task::block_on;
use labwire_async_std::AsyncStd;

labwire_tests::device_suite!(AsyncStd, block_on);

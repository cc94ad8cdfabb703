//! Device connections on async-std do what they do on every host.

use async_std::task::block_on;
use labwire_async_std::AsyncStd;

labwire_tests::device_suite!(AsyncStd, block_on);

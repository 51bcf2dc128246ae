//! Arguments of `store`.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::delivery_options::DeliveryOptionsArgs;
use crate::options::http::HttpArgs;
use crate::options::mysql::MysqlArgs;
use crate::options::tcp::TcpArgs;
use crate::term::units::duration;

const STORE_EXAMPLES: &str = "\
Examples:
  slipstream store https://example.com/ping
  slipstream store -d 'order=17' -d 'sum=9.95' https://example.com/orders
  slipstream store --json '{\"order\":17}' -H 'x-key: s3cret' https://example.com/orders
  slipstream store -X PUT --json @report.json https://example.com/report
  slipstream store -F name=me -F photo=@me.jpg -u me:s3cret https://example.com/photos
  slipstream store -X DELETE 'https://example.com/orders/[17-19]'
  slipstream store --delay 10m --ttl 1h https://example.com/reminder
  slipstream store --at 2026-12-24T18:00:00+01:00 https://example.com/greeting
  slipstream store --dedupe order-17 -d 'order=17' https://example.com/orders
  slipstream store --order-key customer-3 -d 'paid=1' https://example.com/accounts
  slipstream store --retry rounds=4,every=1d https://example.com/webhook
  slipstream store --batch requests.ndjson
  make-requests | slipstream store --batch -

-K FILE reads options from a file, as curl does; ~/.curlrc is not read. What only shapes curl's own
output (-s, -o, -w and the like) is ignored, and named under -v; what cannot be honoured is refused.

A batch has one request a line, as JSON; only \"url\" must be there:
  {\"url\":\"https://example.com/\",\"method\":\"PUT\",\"headers\":{\"x-foo\":\"bar\"},\"body\":\"text\"}
  {\"url\":\"https://example.com/\",\"json\":{\"order\":17}}
  {\"url\":\"https://example.com/\",\"delay\":\"10m\",\"order_key\":\"customer-3\"}
\"delay\", \"at\", \"ttl\", \"dedupe\", \"dedupe_window\", \"order_key\" and \"retry\" mean what the options
mean; the options hold for the lines that do not say otherwise.
What has been read is stored before more is read, so a slow writer's lines do not wait.

A repeat (--dedupe) is not stored, and that is no error; --print-id prints the earlier id then.

Exit codes: 0 stored; 1 some lines of the batch were not; 2 nothing was, or the batch broke off.";

/// The options mean what they mean to curl.
#[derive(Debug, Args)]
#[command(
    after_help = STORE_EXAMPLES,
    args_override_self = true,
    override_usage = "slipstream store [OPTIONS] URL...\n       slipstream store [OPTIONS] --batch FILE"
)]
pub(crate) struct StoreArgs {
    #[command(flatten)]
    pub(crate) http: HttpArgs,
    #[command(flatten)]
    pub(crate) tcp: TcpArgs,
    #[command(flatten)]
    pub(crate) mysql: MysqlArgs,
    #[command(flatten)]
    pub(crate) options: DeliveryOptionsArgs,
    /// Return only when the request would survive a power loss
    #[arg(long)]
    pub(crate) durable: bool,
    /// Whose request it is: a source's requests stay together, in order. The parent
    /// process unless given
    #[arg(long, value_name = "NAME")]
    pub(crate) source: Option<OsString>,
    /// Print the id of each request that was stored
    #[arg(long)]
    pub(crate) print_id: bool,
    /// Say so when no worker has finished for longer, once in that time for all who store; 0 never
    #[arg(
        long,
        value_name = "DURATION",
        value_parser = duration,
        env = "SLIPSTREAM_WARN_AFTER",
        hide_env_values = true,
        default_value = "1h"
    )]
    pub(crate) warn_after: Duration,
    /// Store each line of this file; - for standard input
    #[arg(long, value_name = "FILE|-", conflicts_with = "url")]
    pub(crate) batch: Option<PathBuf>,
    /// Where the request goes: http or https, or what `slipstream kinds` lists; --url URL is the
    /// same. Several are several requests, as are {a,b}, [1-3] and [a-z] in one of http
    #[arg(required_unless_present = "batch", value_name = "URL")]
    pub(crate) url: Vec<OsString>,
}

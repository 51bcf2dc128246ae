//! The collector, through which programs store: one engine, one source, one call.

use crate::clock::{Clock, SystemClock};
use crate::engine::Engine;
use crate::engine::receipt::{Overwritten, Receipt, StoreError};
use crate::request::Request;
use crate::request::delivery_options::DeliveryOptions;
use crate::request::id::RecordId;
use crate::request::record::Record;
use crate::request::source::Source;

/// Stores requests in an engine on behalf of one source.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use slipstream_core::{Collector, DeliveryOptions, Destination, Invalid, Request, Source};
///
/// #[derive(Serialize, Deserialize)]
/// struct Beep { times: u8 }
///
/// impl Request for Beep {
///     const KIND: &'static str = "beep";
///     fn destination(&self) -> Destination { Destination::from_parts("beep", "speaker", None) }
///     fn check(&self) -> Result<(), Invalid> { Ok(()) }
/// }
///
/// # use slipstream_core::{Backlog, BacklogError, Engine, Receipt, Record, StoreError};
/// # struct Sink;
/// # impl Engine for Sink {
/// #     fn store(&self, _: &Source, _: &[Record]) -> Result<Receipt, StoreError> {
/// #         Ok(Receipt::default())
/// #     }
/// #     fn backlog(&self) -> Result<Box<dyn Backlog>, BacklogError> { unimplemented!() }
/// # }
/// # let engine = Sink;
/// // `engine` is any Engine, such as a slipstream_log::Spool.
/// let collector = Collector::new(engine).source(Source::named("shop"));
/// let stored = collector.store(&Beep { times: 3 })?;
/// println!("stored as {}", stored.id);
///
/// // Many with one call of the engine: one write, and one sync where it is durable.
/// let stored = collector.store_all(&[Beep { times: 1 }, Beep { times: 2 }])?;
/// assert_eq!(stored.len(), 2);
///
/// // One after another, as they were stored.
/// let ordered = DeliveryOptions::new().order("front door");
/// collector.store_with(&Beep { times: 1 }, ordered)?;
/// # Ok::<(), StoreError>(())
/// ```
pub struct Collector {
    engine: Box<dyn Engine>,
    source: Source,
    clock: Box<dyn Clock>,
}

/// What a program learns of a request that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stored {
    /// The request's name from now on; that of the earlier request when it was a duplicate.
    pub id: RecordId,
    /// Whether it was not stored, because one with the same dedupe key was a moment ago.
    pub duplicate: bool,
    /// What was evicted for it, usually nothing.
    pub overwritten: Vec<Overwritten>,
}

impl Collector {
    /// A collector for this process.
    pub fn new(engine: impl Engine + 'static) -> Self {
        Self {
            engine: Box::new(engine),
            source: Source::process(),
            clock: Box::new(SystemClock::new()),
        }
    }

    /// The same for another source: a site, a tenant, any group of requests that belong together.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.source = source;
        self
    }

    /// The same with another clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Stores one request. When this returns, it will be delivered, or accounted for.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when it can never be delivered as it is, else what kept the engine
    /// from taking it. Nothing is stored then, but for [`StoreError::DurabilityUnknown`].
    pub fn store<R: Request>(&self, request: &R) -> Result<Stored, StoreError> {
        self.store_with(request, DeliveryOptions::default())
    }

    /// Stores one request that is delivered with these options.
    ///
    /// # Errors
    /// As for [`Collector::store`], and when the options can never be kept.
    pub fn store_with<R: Request>(
        &self,
        request: &R,
        options: DeliveryOptions,
    ) -> Result<Stored, StoreError> {
        let record = self.record(request)?.with_options(options)?;
        Ok(self.store_records(&[record])?.remove(0))
    }

    /// Stores requests, in this order, all at once: one write, and one sync where the engine is durable.
    /// What is learned of each comes in the same order.
    ///
    /// # Errors
    /// As for [`Collector::store`]. None is acknowledged then; some may be delivered all the same.
    ///
    /// ```
    /// # use slipstream_core::{Collector, Engine, Request, StoreError};
    /// # fn example<R: Request>(engine: impl Engine + 'static, requests: &[R]) -> Result<(), StoreError> {
    /// let collector = Collector::new(engine);
    /// for stored in collector.store_all(requests)? {
    ///     println!("stored as {}", stored.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn store_all<'a, R: Request + 'a>(
        &self,
        requests: impl IntoIterator<Item = &'a R>,
    ) -> Result<Vec<Stored>, StoreError> {
        let records: Result<Vec<_>, _> =
            requests.into_iter().map(|request| self.record(request)).collect();
        self.store_records(&records?)
    }

    fn record<R: Request>(&self, request: &R) -> Result<Record, StoreError> {
        Ok(Record::new(request, RecordId::generate(self.clock.now()))?)
    }

    fn store_records(&self, records: &[Record]) -> Result<Vec<Stored>, StoreError> {
        Ok(Stored::from_receipt(self.engine.store(&self.source, records)?, records))
    }
}

impl Stored {
    /// What is learned of each of the records that an engine gave this receipt for. What was
    /// overwritten is reported with the first.
    pub fn from_receipt(receipt: Receipt, records: &[Record]) -> Vec<Self> {
        let Receipt { mut overwritten, duplicates } = receipt;
        let stored = |record: &Record| {
            let earlier = duplicates.iter().find(|duplicate| duplicate.id == record.id);
            Self {
                id: earlier.map_or(record.id, |duplicate| duplicate.of),
                duplicate: earlier.is_some(),
                overwritten: std::mem::take(&mut overwritten),
            }
        };
        records.iter().map(stored).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde::{Deserialize, Serialize};

    use super::*;
    use crate::{Backlog, BacklogError, Destination, Duplicate, Invalid};

    #[derive(Serialize, Deserialize)]
    struct Beep(u8);

    impl Request for Beep {
        const KIND: &'static str = "beep";

        fn destination(&self) -> Destination {
            Destination::new("beep://speaker")
        }

        fn check(&self) -> Result<(), Invalid> {
            if self.0 == 0 { Err(Invalid::new("a beep of no times")) } else { Ok(()) }
        }
    }

    /// Keeps the ids of each call, and says that the second of them repeats the first.
    #[derive(Clone, Default)]
    struct Calls(Arc<Mutex<Vec<Vec<RecordId>>>>);

    impl Engine for Calls {
        fn store(&self, _: &Source, records: &[Record]) -> Result<Receipt, StoreError> {
            let ids: Vec<_> = records.iter().map(|record| record.id).collect();
            let duplicates = ids.windows(2).take(1).map(|ids| Duplicate { id: ids[1], of: ids[0] });
            let duplicates = duplicates.collect();
            self.0.lock().unwrap().push(ids);
            let overwritten = vec![Overwritten { log: "s001".into(), requests: 1, bytes: 9 }];
            Ok(Receipt { duplicates, overwritten })
        }

        fn backlog(&self) -> Result<Box<dyn Backlog>, BacklogError> {
            Err(BacklogError::Engine("none".into()))
        }
    }

    #[test]
    fn requests_that_are_stored_together_are_one_call_and_told_of_each_by_itself() {
        let calls = Calls::default();
        let collector = Collector::new(calls.clone());
        let told = collector.store_all(&[Beep(1), Beep(2), Beep(3)]).unwrap();
        let ids = calls.0.lock().unwrap().pop().unwrap();
        let told: Vec<_> =
            told.iter().map(|it| (it.id, it.duplicate, it.overwritten.len())).collect();
        assert_eq!(told, [(ids[0], false, 1), (ids[0], true, 0), (ids[2], false, 0)]);
        assert!(calls.0.lock().unwrap().is_empty());
    }

    #[test]
    fn none_is_given_to_the_engine_when_one_of_them_is_invalid() {
        let calls = Calls::default();
        let told = Collector::new(calls.clone()).store_all(&[Beep(1), Beep(0)]);
        assert!(matches!(told, Err(StoreError::Invalid(_))), "{told:?}");
        assert!(calls.0.lock().unwrap().is_empty());
    }
}

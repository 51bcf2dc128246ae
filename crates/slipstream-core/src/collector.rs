//! The way in for programs: one engine, one source, one call.

use crate::clock::{Clock, SystemClock};
use crate::engine::Engine;
use crate::engine::receipt::{Overwritten, StoreError};
use crate::request::Request;
use crate::request::delivery_options::DeliveryOptions;
use crate::request::id::RecordId;
use crate::request::record::Record;
use crate::request::source::Source;

/// Stores requests in an engine on behalf of one source.
pub struct Collector {
    engine: Box<dyn Engine>,
    source: Source,
    clock: Box<dyn Clock>,
}

/// What a program learns of a request that was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The request's name from now on; that of the earlier request when it was a duplicate.
    pub id: RecordId,
    /// Whether it was not stored, because one with the same dedupe key was a moment ago.
    pub duplicate: bool,
    /// What had to give way for it, usually nothing.
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
    /// [`StoreError::Invalid`] when it can never be delivered as it stands, else what kept
    /// the engine from taking it. Nothing is stored then, but for [`StoreError::DurabilityUnknown`].
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
        let record = Record::new(request, RecordId::generate(self.clock.now()))?;
        let record = record.with_options(options)?;
        let id = record.id;
        let receipt = self.engine.store(&self.source, &[record])?;
        let earlier = receipt.duplicates.first().map(|duplicate| duplicate.of);
        Ok(Stored {
            id: earlier.unwrap_or(id),
            duplicate: earlier.is_some(),
            overwritten: receipt.overwritten,
        })
    }
}

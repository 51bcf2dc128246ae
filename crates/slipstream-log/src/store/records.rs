//! Storing records: each into its slot, and none that repeats what was stored a moment ago.

use std::collections::HashMap;

use slipstream_core::{Duplicate, Receipt, Record, Source, StoreError};

use crate::format::frame::Frames;
use crate::format::settings::WRITE_MAX;
use crate::format::slot::slot_of;
use crate::store::append::Appender;
use crate::store::dedupe::DedupeTable;

impl Appender {
    /// Stores records, each in its slot. With `durable`, they survive a power loss before this returns.
    pub(crate) fn store(
        &self,
        source: &Source,
        records: &[Record],
        durable: bool,
    ) -> Result<Receipt, StoreError> {
        if records.iter().any(|record| record.options.dedupe.is_some()) {
            return self.store_once(source, records, durable);
        }
        self.store_all(source, records.iter(), durable)
    }

    /// Stores records, each in its slot: that of its order key, or else of the source.
    fn store_all<'a>(
        &self,
        source: &Source,
        records: impl Iterator<Item = &'a Record>,
        durable: bool,
    ) -> Result<Receipt, StoreError> {
        let settings = &self.files().settings;
        let slots = settings.slots;
        let own = slot_of(source, slots);
        let limit = settings.record_max;
        let mut open: Vec<(u16, Frames)> = Vec::with_capacity(1);
        let mut writes = Vec::new();
        for record in records {
            let slot = match &record.options.order {
                Some(key) => slot_of(&Source::named(key), slots),
                None => own,
            };
            let at = open.iter().position(|(of, _)| *of == slot).unwrap_or_else(|| {
                open.push((slot, Frames::with_capacity(512)));
                open.len() - 1
            });
            let frames = &mut open[at].1;
            let length = frames.push(|bytes| record.encode_to(bytes)) as u64;
            if length > limit {
                return Err(StoreError::TooLarge { bytes: length, limit });
            }
            if frames.size() >= WRITE_MAX {
                writes.push(open.remove(at));
            }
        }
        writes.extend(open);
        // Sizes are known to be good before the first byte is written.
        let mut receipt = Receipt::default();
        for (slot, mut frames) in writes {
            receipt.overwritten.extend(self.append(slot, &mut frames, durable)?);
        }
        Ok(receipt)
    }

    /// Stores the records that do not repeat what was stored a moment ago.
    fn store_once(
        &self,
        source: &Source,
        records: &[Record],
        durable: bool,
    ) -> Result<Receipt, StoreError> {
        let table = DedupeTable::open(self.files())?;
        let _held = table.lock()?;
        let now = self.files().clock.now();
        let (mut fresh, mut duplicates) = (Vec::new(), Vec::new());
        let mut keys = HashMap::new();
        for record in records {
            let earlier = match &record.options.dedupe {
                None => None,
                Some(dedupe) => match keys.get(&dedupe.key) {
                    Some(id) => Some(*id),
                    None => table.find(dedupe, now)?,
                },
            };
            if let Some(of) = earlier {
                duplicates.push(Duplicate::new(record.id, of));
                continue;
            }
            if let Some(dedupe) = &record.options.dedupe {
                keys.insert(&dedupe.key, record.id);
            }
            fresh.push(record);
        }
        let mut receipt = self.store_all(source, fresh.iter().copied(), durable)?;
        for record in fresh {
            if let Some(dedupe) = &record.options.dedupe
                && let Err(error) = table.enter(dedupe, record.id, now)
            {
                tracing::warn!(id = %record.id, %error, "a repeat of this request may be stored");
            }
        }
        receipt.duplicates = duplicates;
        Ok(receipt)
    }
}

//! Requests for a producer id: InitProducerId to any broker until it succeeds (controller-broker.md §6.8).

use super::Producer;
use super::batch::ProducerIdAndEpoch;
use super::initializing::Initializing;
use crate::client::connections::Answer;
use crate::client::errors::is_retriable;
use crate::client::{AttemptEvent, ClientOut};
use crate::ids::ProducerId;
use crate::io::Entropy;
use crate::message::data::InitProducerIdRequest;
use crate::message::{DataRequest, DataResponse, ErrorCode, Request, Response};

impl Producer {
    /// Requests a producer id unless a request is in flight.
    pub(super) fn init_producer_id(&mut self, now_ms: i64, entropy: &mut dyn Entropy, out: &mut ClientOut) {
        if self.initializing.in_flight.is_some() {
            return;
        }
        if now_ms < self.initializing.not_before_ms {
            return self.network.wake_at(self.initializing.not_before_ms);
        }
        let Some(node) = self.network.least_loaded_node(now_ms, entropy) else {
            return self.network.metadata.request_update(false);
        };
        if !self.network.ready(now_ms, node, entropy, out) {
            return;
        }
        let attempt = self.network.next_attempt();
        out.observe(AttemptEvent::InitProducerIdInvoked { attempt, node });
        let request = InitProducerIdRequest { producer_id: ProducerId::NONE, producer_epoch: -1 };
        let request = Request::Data(DataRequest::InitProducerId(request));
        let timeout_ms = self.config.client.request_timeout_ms;
        let correlation_id = self.network.send(now_ms, node, request, timeout_ms, true, out);
        self.initializing.in_flight = Some((correlation_id, attempt));
    }

    /// The request has ended.
    pub(super) fn on_init_producer_id(
        &mut self,
        now_ms: i64,
        attempt: u32,
        answer: Answer,
        entropy: &mut dyn Entropy,
        out: &mut ClientOut,
    ) {
        self.initializing.in_flight = None;
        let Answer::Response(answer) = answer else {
            out.observe(AttemptEvent::InitProducerIdUnknown { attempt });
            return self.retry_init_producer_id(now_ms, entropy);
        };
        let error = match &answer {
            Response::Data(DataResponse::InitProducerId(answer)) => answer.error,
            _ => ErrorCode::UnknownServerError,
        };
        match (&answer, &mut self.sequences) {
            (Response::Data(DataResponse::InitProducerId(answer)), Some(sequences)) if error == ErrorCode::None => {
                let session = ProducerIdAndEpoch { id: answer.producer_id, epoch: answer.producer_epoch };
                let (producer_id, producer_epoch) = (session.id, session.epoch);
                out.observe(AttemptEvent::InitProducerIdOk { attempt, producer_id, producer_epoch });
                self.initializing = Initializing::default();
                sequences.set_session(session, &mut self.accumulator.batches);
            }
            _ => {
                out.observe(AttemptEvent::InitProducerIdFailed { attempt, error });
                if is_retriable(error) {
                    self.retry_init_producer_id(now_ms, entropy);
                } else {
                    self.fail_for_good(error, out);
                }
            }
        }
    }

    fn retry_init_producer_id(&mut self, now_ms: i64, entropy: &mut dyn Entropy) {
        let backoff_ms = self.config.client.retry_backoff().draw_ms(self.initializing.failures, entropy);
        self.initializing.failures = self.initializing.failures.saturating_add(1);
        self.initializing.not_before_ms = now_ms.saturating_add(backoff_ms);
    }
}

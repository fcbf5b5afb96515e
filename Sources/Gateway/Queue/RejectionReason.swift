/// The `reason` label of `sie_gateway_rejected_requests_total`. Autoscaler queries match these spellings exactly.
package enum RejectionReason: String, CaseIterable, Sendable {
    case modelRequired = "model_required"
    case gpuNotConfigured = "gpu_not_configured"
    case queueUnavailable = "queue_unavailable"
    case bodyTooLarge = "body_too_large"
    case bodyParseError = "body_parse_error"
    case emptyItems = "empty_items"
    case scoreMissingQuery = "score_missing_query"
    case noConsumers = "no_consumers"
    case backpressure
    case queuePublishFailed = "queue_publish_failed"
    case resultChannelClosed = "result_channel_closed"
    case upstreamTimeoutModelLoading = "upstream_timeout_model_loading"
    case resourceExhausted = "resource_exhausted"
    case upstreamModelLoading = "upstream_model_loading"
    case upstreamLoRALoading = "upstream_lora_loading"
    case allItemsFailed = "all_items_failed"
}

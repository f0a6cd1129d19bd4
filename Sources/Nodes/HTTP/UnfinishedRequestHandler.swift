import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Answers `Expect: 100-continue`, lets a refused client read its answer while it is still sending, and a slow one the
/// end of its answer.
///
/// Hummingbird does none of it: curl would wait a second before each upload, and after an early refusal the server would
/// swallow the rest of the body without limit. Here a response that begins before the request has ended carries
/// `Connection: close`; after it the output is closed, what still comes is dropped, up to a number of bytes and a time,
/// and then the connection is closed (RFC 9112, 9.6: closing at once could reset the answer away). In a drain Hummingbird
/// closes right after it has handed on the last response's end, which drops what the client has not taken yet: here the
/// close waits for that end to be on the wire, up to a time.
final class UnfinishedRequestHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// An early refusal comes sooner than this and spares the body.
    static let continueDelay: TimeAmount = .milliseconds(10)
    static let maximumDrainedBytes = 64 << 20
    static let maximumDrainTime: TimeAmount = .seconds(2)
    /// Below the five seconds that a node has after its grace.
    static let maximumFlushTime: TimeAmount = .seconds(4)

    private enum State {
        /// Between requests, or in one whose end was seen.
        case complete
        /// The body is on its way.
        case receiving(continuation: Scheduled<Void>?)
        /// The answer was begun before the body ended.
        case refusing
        /// The answer is out; what comes is dropped.
        case draining(bytes: Int)
    }

    private var state = State.complete
    /// The end of the last response, until it is on the wire.
    private var endOnItsWay: EventLoopFuture<Void>?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        switch (state, part) {
        case (.draining(let bytes), .body(let buffer)):
            state = .draining(bytes: bytes + buffer.readableBytes)
            if bytes + buffer.readableBytes > Self.maximumDrainedBytes { context.close(promise: nil) }
            return
        case (.draining, .end):
            context.close(promise: nil)
            return
        case (.draining, .head): return
        case (_, .head(let head)):
            state = .receiving(continuation: scheduleContinue(for: head, context))
        case (.receiving(let continuation), .end):
            continuation?.cancel()
            state = .complete
        case (_, .body), (_, .end): break
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch (state, unwrapOutboundIn(data)) {
        case (.receiving(let continuation), .head(var head)) where head.status.kind != .informational:
            continuation?.cancel()
            state = .refusing
            head.headerFields[.connection] = "close"
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case (.refusing, .end):
            state = .draining(bytes: 0)
            let channel = context.channel
            context.writeAndFlush(data).whenComplete { _ in channel.close(mode: .output, promise: nil) }
            promise?.succeed()
            context.eventLoop.scheduleTask(in: Self.maximumDrainTime) { channel.close(promise: nil) }
        case (_, .end):
            let written = promise ?? context.eventLoop.makePromise()
            endOnItsWay = written.futureResult
            context.write(data, promise: written)
        default: context.write(data, promise: promise)
        }
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        guard case .all = mode, let end = endOnItsWay else { return context.close(mode: mode, promise: promise) }
        // Whoever asks again, or the time that is up, finds nothing to wait for.
        endOnItsWay = nil
        let loopBound = NIOLoopBound(context, eventLoop: context.eventLoop)
        let limit = context.eventLoop.scheduleTask(in: Self.maximumFlushTime) {
            loopBound.value.close(mode: mode, promise: nil)
        }
        end.whenComplete { _ in
            limit.cancel()
            loopBound.value.close(mode: mode, promise: promise)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .receiving(let continuation) = state { continuation?.cancel() }
        context.fireChannelInactive()
    }

    private func scheduleContinue(for head: HTTPRequest, _ context: ChannelHandlerContext) -> Scheduled<Void>? {
        guard head.headerFields[.expect]?.lowercased() == "100-continue" else { return nil }
        let loopBound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        return context.eventLoop.scheduleTask(in: Self.continueDelay) {
            let (handler, context) = loopBound.value
            guard case .receiving = handler.state else { return }
            let interim = HTTPResponse(status: .continue)
            context.writeAndFlush(handler.wrapOutboundOut(.head(interim)), promise: nil)
        }
    }
}

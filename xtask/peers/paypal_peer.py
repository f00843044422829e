"""paypal-server-sdk against the sandbox: token, order, approval, capture, refund.

Answers carry no signature, so there is none that it could refuse."""

import time

from apimatic_core.exceptions.auth_validation_exception import AuthValidationException
from common import account, check, control, end, open_url
from paypalserversdk.configuration import Configuration, Environment, Server
from paypalserversdk.exceptions.api_exception import ApiException
from paypalserversdk.http.auth.o_auth_2 import ClientCredentialsAuthCredentials
from paypalserversdk.models.amount_with_breakdown import AmountWithBreakdown
from paypalserversdk.models.checkout_payment_intent import CheckoutPaymentIntent
from paypalserversdk.models.money import Money
from paypalserversdk.models.order_request import OrderRequest
from paypalserversdk.models.purchase_unit_request import PurchaseUnitRequest
from paypalserversdk.models.refund_request import RefundRequest
from paypalserversdk.paypal_serversdk_client import PaypalServersdkClient

ours = account("sandbox-paypal")
Configuration.environments[Environment.SANDBOX][Server.DEFAULT] = ours["base"]


def client(secret):
    return PaypalServersdkClient(
        client_credentials_auth_credentials=ClientCredentialsAuthCredentials(
            o_auth_client_id=ours["client_id"], o_auth_client_secret=secret
        ),
        environment=Environment.SANDBOX,
    )


peer = client(ours["client_secret"])
number = f"peer{int(time.time() * 1000)}"
unit = PurchaseUnitRequest(
    amount=AmountWithBreakdown(currency_code="USD", value="10.00"),
    custom_id=number,
    invoice_id=number,
    description="耳机",
)
order_request = OrderRequest(intent=CheckoutPaymentIntent.CAPTURE, purchase_units=[unit])


def create(body=order_request):
    wish = {"body": body, "paypal_request_id": f"create-{number}", "prefer": "return=minimal"}
    return peer.orders.create_order(wish)


def refused(call):
    """The status and first issue with which a call is refused."""
    try:
        call()
    except ApiException as error:
        details = getattr(error, "details", None) or []
        return error.response_code, details[0].issue if details else ""
    return 200, ""


made = create()
check("paypal create", made.status_code == 201 and made.body.status == "CREATED", made.text)
again = create()
check("paypal the same order", again.status_code == 200 and again.body.id == made.body.id, again.text)
order = made.body.id
link = next(link.href for link in made.body.links if link.rel == "approve")
check("paypal approve page", "USD 10.00" in open_url(link))
capture = {"id": order, "paypal_request_id": f"capture-{number}", "prefer": "return=representation"}
early = dict(capture, paypal_request_id=f"early-{number}")
seen = refused(lambda: peer.orders.capture_order(early))
check("paypal not approved", seen == (422, "ORDER_NOT_APPROVED"), seen)
control("pay", channelOrderNo=number)
state = peer.orders.get_order({"id": order})
check("paypal approved", state.body.status == "APPROVED", state.text)
captured = peer.orders.capture_order(capture)
payment = captured.body.purchase_units[0].payments.captures[0]
check("paypal capture", payment.status == "COMPLETED" and payment.custom_id == number, captured.text)
same = peer.orders.capture_order(capture)
check("paypal the same capture", same.status_code == 200, same.text)
other = dict(capture, paypal_request_id=f"other-{number}")
seen = refused(lambda: peer.orders.capture_order(other))
check("paypal captured once", seen == (422, "ORDER_ALREADY_CAPTURED"), seen)
found = peer.payments.get_captured_payment({"capture_id": payment.id})
check("paypal capture query", found.body.amount.value == "10.00", found.text)


def refund(key, value):
    body = RefundRequest(amount=Money(currency_code="USD", value=value), custom_id=key)
    wish = {"capture_id": payment.id, "paypal_request_id": f"{key}-{number}", "body": body}
    return peer.payments.refund_captured_payment(dict(wish, prefer="return=representation"))


done = refund("R1", "4.00")
check("paypal refund", done.status_code == 201 and done.body.status == "COMPLETED", done.text)
check("paypal the same refund", refund("R1", "4.00").body.id == done.body.id)
asked = peer.payments.get_refund({"refund_id": done.body.id})
check("paypal refund query", asked.body.amount.value == "4.00", asked.text)
seen = refused(lambda: refund("R2", "6.01"))
check("paypal refunds no more than was paid", seen == (422, "REFUND_AMOUNT_EXCEEDED"), seen)
seen = refused(lambda: peer.orders.get_order({"id": "5O190127TN364715T"}))
check("paypal unknown order", seen[0] == 404, seen)
try:
    client("wrong").orders.get_order({"id": order})
    check("paypal refuses a wrong secret", False, "it was let in")
except AuthValidationException:
    check("paypal refuses a wrong secret", True)
end()
